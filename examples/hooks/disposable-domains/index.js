// E-mail addresses of services that throw mail away may not sign up. A new version of the package has a new list.
import { disposableEmailBlocklistSet } from "disposable-email-domains-js";
import { allow, deny, domainOf, hook } from "../hook.js";

const DISPOSABLE = disposableEmailBlocklistSet();

export default hook(({ username }) => {
  const domain = domainOf(username);
  if (!domain) return deny("Use an e-mail address.", "username");
  // The domain itself, and each domain above it.
  const labels = domain.split(".");
  const isDisposable = labels.some((_, at) => DISPOSABLE.has(labels.slice(at).join(".")));
  return isDisposable ? deny("Use an e-mail address that lasts.", "username") : allow;
});
