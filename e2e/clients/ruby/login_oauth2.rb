require_relative "jobs"
require "oauth2"

SCHEMES = { "client_secret_basic" => :basic_auth, "client_secret_post" => :request_body }.freeze

work do |job|
  client = OAuth2::Client.new(
    job["client_id"], job["client_secret"],
    token_url: job["token_endpoint"], auth_scheme: SCHEMES.fetch(job["method"]),
    connection_opts: { request: { timeout: 20 } }
  )
  code = { redirect_uri: job["redirect_uri"], code_verifier: job["code_verifier"] }
  tokens = ->(answer) { { "access_token" => answer.token, "refresh_token" => answer.refresh_token } }
  {
    "authorization_code" => ->(_) { tokens.(client.auth_code.get_token(job["callback"]["code"], code)) },
    "refresh_token" => lambda do |token|
      tokens.(OAuth2::AccessToken.new(client, "expired", refresh_token: token).refresh!)
    end,
    "client_credentials" => ->(_) { tokens.(client.client_credentials.get_token) }
  }
end
