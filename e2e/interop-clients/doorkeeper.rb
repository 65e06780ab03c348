# Debian's doorkeeper with OpenID Connect, in the smallest Rails application. As its
# documentation offers (client_credentials :from_params), it reads client credentials only
# from the form. Its only user is always logged in and agrees.
#
# It prints one line with its address, and to standard error one line of JSON for every
# request at an endpoint with client authentication, in the format of legacyd.
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "doorkeeper"
require "doorkeeper/openid_connect"
require "optparse"
require "tmpdir"
require "webrick"

options = {}
OptionParser.new do |flags|
  %w[listen public-url clients].each { |name| flags.on("--#{name}=VALUE") { |value| options[name] = value } }
end.parse!
Dir.mktmpdir.then do |directory|
  at_exit { FileUtils.rm_r(directory) }
  ENV["DATABASE_URL"] = "sqlite3:#{directory}/database"
end

# Observer prints the requests at the endpoints with client authentication.
class Observer
  PATHS = %w[/oauth/token /oauth/revoke /oauth/introspect].freeze

  def initialize(app)
    @app = app
  end

  def call(env)
    request = Rack::Request.new(env)
    if PATHS.include?(request.path)
      warn({ path: request.path, authorization: env.key?("HTTP_AUTHORIZATION"), parameters: request.POST.keys }.to_json)
    end
    @app.call(env)
  end
end

# Application has the defaults of Rails 6.1.
class Application < Rails::Application
  config.load_defaults 6.1
  # Two transactions at a time can fail, because SQLite then finds the database locked.
  config.allow_concurrency = false
  config.cache_classes = true
  config.eager_load = false
  config.hosts.clear
  config.logger = Logger.new(IO::NULL)
  config.secret_key_base = SecureRandom.hex
  config.middleware.use Observer
end

USER = Struct.new(:id).new(1)
Doorkeeper.configure do
  resource_owner_authenticator { USER }
  skip_authorization { true }
  client_credentials :from_params
  access_token_methods :from_bearer_authorization
  default_scopes :read
  optional_scopes :openid
  use_refresh_token
  force_ssl_in_redirect_uri false
end
Doorkeeper::OpenidConnect.configure do
  issuer options["public-url"]
  signing_key OpenSSL::PKey::RSA.new(2048).to_pem
  resource_owner_from_access_token { |_| USER }
  auth_time_from_resource_owner { |_| Time.now }
  subject { |_, _| "user" }
end

# save stores a client, named as in RFC 7591 section 2.
def save(client)
  application = Doorkeeper::Application.find_or_initialize_by(uid: client["client_id"])
  application.update!(name: "e2e", secret: client["client_secret"], redirect_uri: client["redirect_uris"].join("\n"))
  client
end

Application.initialize!
Application.routes.draw do
  # The operator stores clients here, because they cannot register.
  put "/client", to: ->(env) { [200, {}, [save(JSON.parse(env["rack.input"].read)).to_json]] }
  use_doorkeeper
  use_doorkeeper_openid_connect
  # Many clients look only here (RFC 8414 section 3).
  get "/.well-known/oauth-authorization-server", to: "doorkeeper/openid_connect/discovery#provider"
end

# The tables of doorkeeper's own migrations.
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :oauth_applications do |t|
    t.string :name, :uid, :secret
    t.text :redirect_uri
    t.string :scopes, default: ""
    t.boolean :confidential, default: true
    t.timestamps
  end
  create_table :oauth_access_grants do |t|
    t.references :resource_owner, :application
    t.string :token, :scopes, :code_challenge, :code_challenge_method
    t.integer :expires_in
    t.text :redirect_uri
    t.datetime :created_at, :revoked_at
  end
  create_table :oauth_access_tokens do |t|
    t.references :resource_owner, :application
    t.string :token, :refresh_token, :scopes
    t.string :previous_refresh_token, default: ""
    t.integer :expires_in
    t.datetime :created_at, :revoked_at
  end
  create_table :oauth_openid_requests do |t|
    t.references :access_grant
    t.string :nonce
  end
end

JSON.parse(File.read(options["clients"])).each { |client| save(client) } if options["clients"]

host, port = options["listen"].split(":")
Rack::Handler::WEBrick.run(
  Application,
  BindAddress: host,
  Port: port,
  AccessLog: [],
  Logger: WEBrick::Log.new(IO::NULL),
) do |server|
  trap("TERM") { server.shutdown }
  server.config[:StartCallback] = -> { $stdout.puts("listening on http://#{options["listen"]}") || $stdout.flush }
end
