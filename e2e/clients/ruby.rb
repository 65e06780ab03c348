# The client programs in Ruby. The argument is the name of one. It reads jobs from
# standard input, logs in as each client, and prints one line of JSON for each job. See
# javascript.mjs.
require "json"

# Both functions make the client of a job: a lambda for each grant, which returns a token
# response.
def oauth2(job)
  schemes = { "client_secret_basic" => :basic_auth, "client_secret_post" => :request_body }
  client = OAuth2::Client.new(
    job["client_id"], job["client_secret"],
    token_url: job["token_endpoint"], auth_scheme: schemes.fetch(job["method"]),
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

def rack_oauth2(job)
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

def run(job, connect)
  tokens = {}
  client = nil
  job["grants"].to_h do |grant|
    client ||= connect.call(job)
    raise "no refresh token" if grant == "refresh_token" && !tokens["refresh_token"]

    answer = client.fetch(grant).call(tokens["refresh_token"])
    raise "no access token" if answer["access_token"].to_s.empty?

    tokens = answer
    [grant, "ok"]
  rescue StandardError => e
    [grant, "#{e.class} #{e.message}".scrub]
  end
end

case ARGV.shift
when "oauth2"
  require "oauth2"
  connect = method(:oauth2)
when "rack-oauth2"
  require "rack/oauth2"
  Rack::OAuth2.http_config { |http| http.receive_timeout = 20 }
  connect = method(:rack_oauth2)
end
JSON.parse($stdin.set_encoding("UTF-8").read).each do |job|
  puts JSON.generate("id" => job["id"], "grants" => run(job, connect))
  $stdout.flush
end
