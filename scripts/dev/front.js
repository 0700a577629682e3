// The front of `edge-signup dev`: workerd has one port, and two Workers share one local storage. A request that came to
// the admin's port has that port in its URL.
export default {
  async fetch(request, { SIGN_UP, ADMIN, EVENTS, ADMIN_PORT }, ctx) {
    if (new URL(request.url).port === ADMIN_PORT) return ADMIN.fetch(request);
    const response = await SIGN_UP.fetch(request);
    // On Cloudflare, the public Worker may have this binding itself, and a cron finds the other events.
    if (request.method === "POST" && response.ok) ctx.waitUntil(EVENTS.nudge());
    return response;
  },

  scheduled: (_event, { EVENTS }) => EVENTS.nudge(),
};
