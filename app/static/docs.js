"use strict";
// validatorUrl null: the page asks no other host for anything.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  persistAuthorization: false,
  syntaxHighlight: { theme: "agate" },
});
