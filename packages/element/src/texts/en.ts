/** The texts of one language. `{…}` stands for a value. */
const en = {
  username: "Username",
  email: "E-mail",
  password: "Password",
  show: "Show",
  show_password: "Show password",
  hide: "Hide",
  hide_password: "Hide password",
  password_rule: "At least {min} characters",
  submit: "Sign up",
  busy: "Creating your account…",
  progress: "Security check",
  again: "Try again",
  success: "Welcome, {username}!",
  success_text: "Your account is ready.",

  username_missing: "Enter a username.",
  username_length: "Use at most {max} characters.",
  username_invalid: "Use letters, numbers and symbols, without spaces.",
  username_taken: "This username is taken. Choose another one.",
  username_denied: "This username is not accepted. Choose another one.",
  email_missing: "Enter your e-mail address.",
  email_invalid: "Enter a valid e-mail address.",
  email_taken: "This e-mail address already has an account.",
  email_denied: "This e-mail address is not accepted. Use another one.",
  password_missing: "Enter a password.",
  password_too_short: "Use at least {min} characters.",
  password_too_long: "This password is too long. Choose a shorter one.",
  password_invalid: "This password has a character that cannot be used.",
  password_breached: "This password is known from data breaches. Choose another one.",
  captcha_token_missing: "Confirm that you are human.",
  captcha_token_refused: "The check has expired. Confirm again that you are human.",
  captcha_unavailable: "The check could not be loaded. Try again.",

  blocked: "You cannot sign up from this network.",
  limited: "Too many sign-ups at the moment. Try again {when}.",
  proof_invalid: "The security check failed. Try again.",
  hook_denied: "Your sign-up was not accepted.",
  refused: "This form does not work at the moment. Tell the owner of this site.",
  internal_error: "Something went wrong on our side. Try again later.",
  unavailable: "The connection failed. Your entries are still here: try again.",
};

/** The texts that every language has. */
export type Texts = Record<keyof typeof en, string>;

export default en as Texts;
