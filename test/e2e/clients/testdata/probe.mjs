// Runs an example of the README, then asks the application that it started or exports, and ends.
import net from "node:net";
import { pathToFileURL } from "node:url";

const [file, token] = process.argv.slice(2);
const servers = [];
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  servers.push(this);
  return listen.apply(this, args);
};
const example = await import(pathToFileURL(file).href);
let call = example.app && ((path, headers) => example.app.request(path, { headers }));
if (servers[0]) {
  if (!servers[0].listening) await new Promise((resolve) => servers[0].once("listening", resolve));
  call = (path, headers) => fetch(`http://127.0.0.1:${servers[0].address().port}${path}`, { headers });
}
if (call) {
  const signedIn = { Authorization: `Bearer ${token}` };
  const seen = [];
  for (const [path, headers] of [["/me", {}], ["/me", signedIn], ["/bots", signedIn]]) {
    seen.push((await call(path, headers)).status);
  }
  console.log(seen.join(" "));
  process.exit(0);
}
