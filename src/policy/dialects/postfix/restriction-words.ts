/**
 * Words of restriction lists that look at other things than encryption, networks, users and access tables.
 */

/** They refuse what looks like spam or forgery; their argument, where they take one, is one word. */
const checksElsewhere =
  /^(?:reject_(?:invalid_(?:helo_)?hostname|non_fqdn_(?:(?:helo_)?hostname|sender|recipient)|unknown_(?:(?:helo_)?hostname|client(?:_hostname)?|reverse_client_hostname|forward_client_hostname|sender_domain|recipient_domain|address)|unlisted_(?:sender|recipient)|unverified_(?:sender|recipient)|unauth_pipelining|multi_recipient_bounce|maps_rbl|rbl(?:_client)?|rhsbl_(?:client|helo|sender|recipient|reverse_client))|check_(?:client|helo|sender|recipient|reverse_client_hostname)_(?:mx|ns|a)_access|check_sasl_access|check_etrn_access)$/;

/** They would let in; not taken, they let in nobody. */
const permitsElsewhere = /^permit_(?:dnswl_client|rhswl_client|mx_backup|naked_ip_address)$/;

/** Who may write as whom is said by each user's `senders`. */
const loginChecks = /^reject_(?:(?:un)?authenticated_sender|known_sender|sender)_login_mismatch$/;

const withArgument =
  /^(?:check_\w+|reject_rbl(?:_client)?|reject_rhsbl_\w+|permit_dnswl_client|permit_rhswl_client|sleep)$/;

export type OtherWord = "check" | "permit" | "login" | "nothing" | undefined;

/** `undefined`: none of these. */
export function otherWord(word: string): OtherWord {
  if (checksElsewhere.test(word)) return "check";
  if (permitsElsewhere.test(word)) return "permit";
  if (loginChecks.test(word)) return "login";
  return word === "sleep" || word === "defer_if_reject" ? "nothing" : undefined;
}

export function takesArgument(word: string): boolean {
  return withArgument.test(word);
}
