package main

// contender is a program that runs in front of the provider, or the provider itself.
// Command and files are templates for the names in fixture.expander.
type contender struct {
	name     string
	command  string
	files    []string // in peers
	rewrites []*workload
}

var (
	direct  = &contender{name: "direct", command: "{{self}} serve provider {{listen}} -"}
	oauthgw = &contender{name: "oauthgw", rewrites: []*workload{token, metadata, registration},
		command: "{{gateway}} --upstream.url=http://{{provider}} --listen={{listen}} --admin.listen=127.0.0.1:0"}
	stock       = &contender{name: "ReverseProxy", command: "{{self}} serve reverseproxy {{listen}} {{provider}}"}
	tuned       = &contender{name: "ReverseProxy tuned", command: "{{self}} serve tuned {{listen}} {{provider}}"}
	rewriteOnly = &contender{name: "rewrite only", command: "{{self}} serve rewrite {{listen}} {{provider}}", rewrites: []*workload{token}}
	floor       = &contender{name: "net/http", command: "{{self}} serve floor {{listen}} {{reference}}", rewrites: []*workload{token, metadata, registration}}
	lua         = &contender{name: "nginx+Lua", command: "{{peers}}/usr/sbin/nginx -e stderr -p {{directory}} -c nginx-lua.conf",
		files: []string{"rewrite.lua", "nginx-lua.conf"}, rewrites: []*workload{token}}
	njs = &contender{name: "nginx+njs", command: "{{peers}}/usr/sbin/nginx -e stderr -p {{directory}} -c nginx-njs.conf",
		files: []string{"rewrite.js", "nginx-njs.conf"}, rewrites: []*workload{token}}
	haproxy = &contender{name: "haproxy+Lua", command: "{{peers}}/usr/sbin/haproxy -db -f {{directory}}/haproxy.cfg",
		files: []string{"haproxy.lua", "haproxy.cfg"}, rewrites: []*workload{token}}
	caddy = &contender{name: "Caddy", command: "{{peers}}/usr/bin/caddy run --adapter caddyfile --config {{directory}}/Caddyfile",
		files: []string{"Caddyfile"}}
)

// contenders is in the order of the tables.
var contenders = []*contender{direct, oauthgw, stock, tuned, rewriteOnly, floor, lua, njs, haproxy, caddy}
