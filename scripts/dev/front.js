// The front of `edge-signup dev`: workerd has one port, and two Workers share one local storage. A request that came to
// the admin's port has that port in its URL.
export default {
  fetch: (request, { SIGN_UP, ADMIN, ADMIN_PORT }) =>
    (new URL(request.url).port === ADMIN_PORT ? ADMIN : SIGN_UP).fetch(request),
};
