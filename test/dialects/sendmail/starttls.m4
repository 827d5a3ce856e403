divert(-1)dnl
# What Debian puts under /etc/mail/tls, in small: settings inside conditions, in lines of their own.
divert(0)dnl
ifdef(`sm_version', `dnl', `include(`/usr/share/sendmail/cf/debian/autoconf.m4')dnl')
ifelse(eval(sm_version_math >= 527104), `1', `dnl
define(`confCACERT_PATH', `/etc/ssl/certs')dnl
ifelse(sm_enable_tls, `yes', `dnl
define(`confDONT_BLAME_SENDMAIL',dnl
    defn(`confDONT_BLAME_SENDMAIL')`,GroupReadableKeyFile')dnl
define(`confTO_STARTTLS', `2m')dnl      #           , def=10m
define(`confCACERT',      `/etc/mail/tls/sendmail-server.crt')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl          # do not request user certs
')')dnl
