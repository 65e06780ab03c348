// Package demo runs a legacy provider and a gateway in one process and shows the same
// request failing at the provider and succeeding at the gateway.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
)

// Config configures [Run].
type Config struct {
	Listen string // the address of the gateway; port 0 means a free one
	Once   bool   // ends the demo after the comparison, not when ctx ends
	// Start listens as the gateway of a configuration.
	Start func(config.Settings) (Gateway, error)
}

// Gateway is a gateway that listens.
type Gateway struct {
	Addr, AdminAddr string                      // for clients and for operators
	Run             func(context.Context) error // serves until the context ends
}

// Run runs the demo and prints the comparison. It returns an error if the comparison does not
// end as expected.
func Run(ctx context.Context, c Config, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	d := &demo{provider: "http://" + listener.Addr().String()}
	gateway, err := start(c, d.provider)
	if err != nil {
		return err
	}
	d.gateway = "http://" + gateway.Addr
	provider := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: legacy.New(legacy.Config{
		PublicURL: d.gateway, // the metadata sends clients to the gateway
		Clients:   []legacy.Client{client},
		Observe:   func(o legacy.Observation) { d.received.Store(&o) },
	})}
	defer provider.Close()
	go func() { _ = provider.Serve(listener) }() // until Close
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- gateway.Run(running) }()
	err = d.compare(stdout)
	if err == nil && !c.Once {
		d.printHints(stdout, "http://"+gateway.AdminAddr)
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, <-done)
}

// start starts the gateway in front of a provider.
func start(c Config, provider string) (Gateway, error) {
	file := config.Default()
	file.Listen, file.Admin.Listen = c.Listen, "127.0.0.1:0"
	file.Upstream.URL = provider
	file.Registration.ClientConfiguration = "/oauth2/clients"
	file.Log.Level, file.Log.Format = "warn", "text"
	s, err := file.Validate()
	var invalid config.Errors
	if errors.As(err, &invalid) {
		for i := range invalid {
			invalid[i].Flag = true // the address of the flag is all that can be wrong
		}
	}
	if err != nil {
		return Gateway{}, err
	}
	return c.Start(s)
}

type demo struct {
	provider, gateway string                             // origins
	received          atomic.Pointer[legacy.Observation] // by the provider since the last report
}

// compare prints what happens to the same request at the provider and at the gateway.
func (d *demo) compare(w io.Writer) error {
	fmt.Fprintf(w, "Legacy provider           %s\noauthgw in front of it    %s\n\n", d.provider, d.gateway)
	code, err := authorize(d.gateway)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "A client is registered and the user has consented. The client has an ID, a\nsecret and a code, and sends them as RFC 6749 requires:\n\n"+
		"  POST /oauth2/tokens   Authorization: Basic …   grant_type=authorization_code&code=…\n\n")
	if err := d.redeem(w, "To the provider", d.provider, code, http.StatusBadRequest); err != nil {
		return err
	}
	return d.redeem(w, "Through oauthgw", d.gateway, code, http.StatusOK)
}

// redeem redeems the code, and prints the response and what the provider received.
func (d *demo) redeem(w io.Writer, title, origin, code string, want int) error {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}
	req, err := http.NewRequest(http.MethodPost, origin+"/oauth2/tokens", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(client.ID, client.Secret)
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var members map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&members); err != nil {
		return err
	}
	response := strings.Join(slices.Sorted(maps.Keys(members)), ", ") // without the tokens
	if text, ok := members["error_description"]; ok {
		response = fmt.Sprintf("%v: %v", members["error"], text)
	}
	o := d.received.Swap(nil)
	if resp.StatusCode != want || o == nil {
		return fmt.Errorf("%s answered %d %s, not %d", origin, resp.StatusCode, response, want)
	}
	fmt.Fprintf(w, "%s\n  response          %d %s\n  provider received Authorization: %s, parameters: %s\n\n",
		title, resp.StatusCode, response, map[bool]string{true: "yes", false: "no"}[o.Authorization], strings.Join(o.Parameters, ", "))
	return nil
}

// printHints prints commands to try. Each needs a new code.
func (d *demo) printHints(w io.Writer, admin string) {
	fmt.Fprintf(w, `Try it; each request needs its own code:

  code() { curl -s -o /dev/null -w '%%{redirect_url}' -d decision=allow \
    '%[1]s/oauth2/authorize?response_type=code&client_id=%[3]s' | sed 's/.*code=//'; }

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[2]s/oauth2/tokens

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[1]s/oauth2/tokens

  curl %[1]s/.well-known/oauth-authorization-server
  curl %[5]s/metrics

Press Ctrl-C to stop.
`, d.gateway, d.provider, client.ID, client.Secret, admin)
}

// client is the client that the provider knows.
var client = legacy.Client{ID: "demo-client", Secret: "demo-secret", RedirectURIs: []string{"http://127.0.0.1:1/callback"}}

// httpClient returns redirects, since the one with the code is the response.
var httpClient = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// authorize obtains a code from a user who consents.
func authorize(origin string) (code string, err error) {
	query := url.Values{"response_type": {"code"}, "client_id": {client.ID}}
	resp, err := httpClient.PostForm(origin+"/oauth2/authorize?"+query.Encode(), url.Values{"decision": {"allow"}})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		return "", fmt.Errorf("authorization answered %s: %w", resp.Status, err)
	}
	return location.Query().Get("code"), nil
}
