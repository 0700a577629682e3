// The client starts a thread for a proof of work from this text. The thread loads its script from the service, so the
// element does not have the same code twice. The script replaces `onmessage`. A static import would be a matter of the
// page's `worker-src`. An error that nobody catches tells the client that the thread cannot run.

const url = new URL("/solver.js", import.meta.url).href;

export default `onmessage=(m)=>import(${JSON.stringify(url)}).then(()=>onmessage(m),(e)=>setTimeout(()=>{throw e}))`;
