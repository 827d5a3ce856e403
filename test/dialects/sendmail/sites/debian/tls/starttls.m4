divert(-1)dnl
# What Debian puts here, in small.
divert(0)dnl
define(`confDONT_BLAME_SENDMAIL',`GroupReadableKeyFile')dnl
define(`confTO_STARTTLS', `2m')dnl
define(`confCACERT_PATH', `@DIR@/certs')dnl
define(`confCACERT', `@DIR@/tls/sendmail-server.crt')dnl
define(`confSERVER_CERT', `@DIR@/tls/sendmail-server.crt')dnl
define(`confSERVER_KEY', `@DIR@/tls/sendmail-common.key')dnl
define(`confCLIENT_CERT', `@DIR@/tls/sendmail-server.crt')dnl
define(`confCLIENT_KEY', `@DIR@/tls/sendmail-common.key')dnl
define(`confDH_PARAMETERS', `@DIR@/tls/sendmail-common.prm')dnl
undefine(`confCRL')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
