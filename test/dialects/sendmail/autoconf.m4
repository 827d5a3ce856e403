define(`sm_version',		`8.18.1')dnl
define(`sm_version_math',	`528897')dnl
define(`sm_enable_tls',		`yes')dnl
