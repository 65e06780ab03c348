package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"oauthgw/internal/config"
	"oauthgw/internal/server"
)

// checkedRequests need an accepted Host; the values are the statuses with one.
var checkedRequests = map[string]int{"GET /": 200, "GET /metrics": 200, "POST /-/reload": 200, "GET /else": 404, "GET //-/healthy": 307}

// healthRequests are answered for every Host.
var healthRequests = map[string]int{"GET /-/healthy": 200, "GET /healthz": 200, "GET /-/ready": 503, "GET /readyz": 503}

// expectAdmin sends a request without a body to an admin listener, compares the status of the
// response and returns it.
func expectAdmin(t *testing.T, address, line, fields string, want int) (answer string) {
	t.Helper()
	answer = send(t, address, line+" HTTP/1.1\nConnection: close\n"+fields)
	if !strings.HasPrefix(answer, "HTTP/1.1 "+strconv.Itoa(want)+" ") {
		t.Errorf("%s with %q: got %s", line, fields, answer)
	}
	return answer
}

const ownHosts = "admin: {listen: 127.0.0.1:0, allowed_hosts: [gw.example, OauthGW.Login_1.svc.]}\n"

// TestA150ForeignHosts checks that a web page that points its own name at the admin listener
// (DNS rebinding) is refused, also under names that look like accepted ones.
func TestA150ForeignHosts(t *testing.T) {
	p := startProgram(t, "http://127.0.0.1:1", ownHosts)
	hosts := []string{
		"evil.example", "evil.example:9180", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost",
		"localhost:9180.evil.example", "localhost:80:80", "localhost..", "127.0.0.1..", "127.0.0.1:x", "[::1].evil.example", "[::1",
		"[localhost]", "[gw.example]", "2130706433", "0x7f.1", "127.1", "gw.example.evil.example", "evil.gw.example",
		"localhost,evil.example", "localhost%2eevil.example", ".", ":9180", "",
	}
	for _, host := range hosts {
		for line := range checkedRequests {
			if answer := expectAdmin(t, p.admin, line, "Host: "+host, 403); strings.Contains(answer, "evil") || !strings.Contains(answer, "admin.allowed_hosts") {
				t.Errorf("Host %q: got %s", host, answer)
			}
		}
		for line, want := range healthRequests {
			expectAdmin(t, p.admin, line, "Host: "+host, want)
		}
	}
	want := fmt.Sprintf("oauthgw_admin_requests_refused_total{reason=\"host\"} %d\n", len(hosts)*len(checkedRequests))
	if text := (testGateway{admin: p.admin}).scrape(t); !strings.Contains(text, want) {
		t.Errorf("the metrics lack %s:\n%s", want, text)
	}
	p.expectRefusals(`"reason":"host","client_ip":"127.0.0.1"`, 0)
}

// expectRefusals ends the program and checks that its log has refused admin requests with
// these attributes, the number of reloads, and no text of the requests.
func (p *testProgram) expectRefusals(attributes string, reloads int) {
	p.t.Helper()
	p.stop()
	log := p.log.String()
	if strings.Contains(log, "evil") || strings.Count(log, "config reloaded") != reloads ||
		!strings.Contains(log, `"level":"WARN","msg":"admin request refused","endpoint":"admin","status":403,"end":"complete",`+attributes+`,"request_id":"`) {
		p.t.Errorf("the log is\n%s", log)
	}
}

func TestA150AcceptedHosts(t *testing.T) {
	p := startProgram(t, "http://127.0.0.1:1", ownHosts)
	for _, host := range []string{
		p.admin, "127.0.0.1", "192.0.2.7:9180", "[::1]", "[2001:DB8::1]:9180", "localhost", "LocalHost:9180", "localhost.", "a.localhost:1",
		"gw.example", "GW.example:9180", "gw.example.", "oauthgw.login_1.SVC", "oauthgw.login_1.svc.:9180",
	} {
		for line, want := range checkedRequests {
			expectAdmin(t, p.admin, line, "Host: "+host, want)
		}
	}
	// A URL in the request line replaces Host (RFC 9112 section 3.2.2).
	for line, want := range map[string]int{
		"GET http://evil.example/metrics": 403, "GET http://localhost/metrics": 200, "GET http://evil.example/-/healthy": 200,
		"GET http://localhost@evil.example/metrics": 403, "POST http://evil.example/-/reload": 403,
	} {
		expectAdmin(t, p.admin, line, "Host: localhost", want)
	}
	// HTTP/1.0 needs no Host, and some load balancers probe so.
	for path, want := range map[string]string{"/metrics": "403", "/-/healthy": "200"} {
		if answer := send(t, p.admin, "GET "+path+" HTTP/1.0\nConnection: close"); strings.Fields(answer)[1] != want {
			t.Errorf("%s in HTTP/1.0: got %s", path, answer)
		}
	}
	p.head = strings.Replace(p.head, "gw.example", "gw2.example", 1)
	p.write("")
	p.reload()
	expectAdmin(t, p.admin, "GET /metrics", "Host: gw.example", 403)
	expectAdmin(t, p.admin, "GET /metrics", "Host: gw2.example", 200)
}

// TestA150OwnName checks that the name in admin.listen is accepted, whatever the socket.
func TestA150OwnName(t *testing.T) {
	for listen, want := range map[string]map[string]int{
		"Ops.Example:9180": {"ops.example:9180": 200, "OPS.example.": 200, "other.example": 403},
		":9180":            {"ops.example:9180": 403, "": 403},
		"unix:/run/admin":  {"localhost": 200, "unix": 403, "unix:": 403},
	} {
		l, _ := listenRaw(t, "tcp")
		var log syncBuffer
		s := testSettings(t, "http://127.0.0.1:1", func(c *config.Config) { c.Admin.Listen = listen })
		g := startWith(t, s, testTelemetry(&log, s), &log, server.Sockets{"admin.listen": l})
		for host, code := range want {
			expectAdmin(t, g.admin, "GET /metrics", "Host: "+host, code)
		}
	}
}

// TestA151CrossOriginReload checks that a web page cannot reload the configuration. Browsers
// send Sec-Fetch-Site, and old ones Origin.
func TestA151CrossOriginReload(t *testing.T) {
	p := startProgram(t, "http://127.0.0.1:1", ownHosts)
	host := "Host: " + p.admin + "\n"
	for _, fields := range []string{
		"Origin: https://evil.example", "Origin: null", "Origin: http://localhost:3000", "Origin: http://" + p.admin + ".evil.example",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: evil", "Sec-Fetch-Site: cross-site\nOrigin: http://" + p.admin,
		"Sec-Fetch-Site: cross-site\nContent-Type: text/plain", "Origin: null\nHost: ",
	} {
		answer := expectAdmin(t, p.admin, "POST /-/reload", host+fields, map[bool]int{false: 403, true: 400}[strings.Contains(fields, "Host")])
		if strings.Contains(answer, "evil") {
			t.Errorf("%s is repeated in %s", fields, answer)
		}
	}
	for _, fields := range []string{"", "Origin: http://" + p.admin, "Sec-Fetch-Site: same-origin\nOrigin: http://" + p.admin, "Sec-Fetch-Site: none"} {
		expectAdmin(t, p.admin, "POST /-/reload", host+fields, 200)
	}
	expectAdmin(t, p.admin, "GET /metrics", host+"Sec-Fetch-Site: cross-site", 200)
	// Neither an Origin of null nor a request without Host has a host: they are not equal.
	expectAdmin(t, p.admin, "POST /-/reload", "Host: \nOrigin: null", 403)
	if answer := send(t, p.admin, "POST /-/reload HTTP/1.0\nOrigin: null"); !strings.Contains(answer, " 403 ") {
		t.Errorf("got %s", answer)
	}
	want := "oauthgw_admin_requests_refused_total{reason=\"cross_origin\"} 9\n"
	if text := (testGateway{admin: p.admin}).scrape(t); !strings.Contains(text, want) {
		t.Errorf("the metrics lack %s:\n%s", want, text)
	}
	p.expectRefusals(`"reason":"cross_origin","client_ip":"127.0.0.1"`, 4)
}
