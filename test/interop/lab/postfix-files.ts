/**
 * What main.cf and master.cf of every real Postfix under test say: it lives in a folder of the test, and has the services
 * that any Postfix needs. Which smtpd listen, and how smtp sends, each test says itself.
 */

/** @param home folder with `spool` and `data`, as Postfix sees it */
export function livesIn(home: string): string {
  return `queue_directory = ${home}/spool
data_directory = ${home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
`;
}

export const backgroundServices = `cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - 1 trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - 2 error
retry unix - - n - 2 error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
