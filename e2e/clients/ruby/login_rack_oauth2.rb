require_relative "jobs"
require "rack/oauth2"

Rack::OAuth2.http_config { |http| http.receive_timeout = 20 }

work do |job|
  basic = job["variant"]&.to_sym || :basic
  method = { "client_secret_basic" => basic, "client_secret_post" => :body }.fetch(job["method"])
  client = lambda do
    Rack::OAuth2::Client.new(
      identifier: job["client_id"], secret: job["client_secret"],
      redirect_uri: job["redirect_uri"], token_endpoint: job["token_endpoint"]
    )
  end
  tokens = ->(answer) { { "access_token" => answer.access_token, "refresh_token" => answer.refresh_token } }
  {
    "authorization_code" => lambda do |_|
      exchanging = client.call
      exchanging.authorization_code = job["callback"]["code"]
      tokens.(exchanging.access_token!(method, code_verifier: job["code_verifier"]))
    end,
    "refresh_token" => lambda do |token|
      refreshing = client.call
      refreshing.refresh_token = token
      tokens.(refreshing.access_token!(method))
    end,
    "client_credentials" => ->(_) { tokens.(client.call.access_token!(method)) }
  }
end
