// Calls a method of the entry point `Users`: POST /verify with its input as JSON. Gives the output as JSON.
export default {
  async fetch(request, env) {
    const method = new URL(request.url).pathname.slice(1);
    try {
      return Response.json(await env.USERS[method](await request.json()));
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
};
