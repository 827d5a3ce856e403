/**
 * From which LogLevel on Sendmail 8.18 says what: observed level by level.
 */
export const levels = {
  timeout: 2,
  lost: 2,
  refused: 4,
  taken: 5,
  hostRefused: 6,
  handshakeFailed: 6,
  notice: 6,
  nothingAsked: 6,
  returned: 7,
  sent: 8,
  notTried: 8,
  deferred: 9,
  handshake: 9,
  logIn: 9,
  connect: 10,
  done: 10,
  logInFailed: 10,
  certificate: 12,
  notConnected: 14,
} as const;
