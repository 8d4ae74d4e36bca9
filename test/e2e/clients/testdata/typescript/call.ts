import createClient from "openapi-fetch";
import type { paths as SecurityPaths } from "./security.js";
import type { paths as UsersPaths } from "./users.js";

declare const process: { argv: string[] };
const [root = "", username = "", password = ""] = process.argv.slice(2);

const security = createClient<SecurityPaths>({ baseUrl: `${root}/api/v1/security` });
const login = await security.POST("/auth/login", { body: { username, password } });
if (!login.data) throw new Error(login.error.message);
const headers = { Authorization: `Bearer ${login.data.access_token}` };
const verified = await security.GET("/auth/verify", { headers });
const introspected = await security.POST("/auth/introspect", { headers, body: { token: login.data.access_token } });
const keys = await security.GET("/.well-known/jwks.json");

const users = createClient<UsersPaths>({ baseUrl: `${root}/api/users` });
const logged = await users.POST("/login", { body: { username, password } });
console.log(
  verified.data?.username, introspected.data?.active, (keys.data?.keys.length ?? 0) > 0, logged.data?.role,
);
