const documents = { security: "/openapi.json", users: "/openapi-users.yaml" };
const api = new URLSearchParams(window.location.search).get("api");

SwaggerUIBundle({
  url: documents[api] || documents.security,
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
});
