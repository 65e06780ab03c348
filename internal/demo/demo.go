// Package demo runs a legacy provider and a gateway in one process and shows requests that fail at
// the provider and succeed at the gateway: with HTTP Basic, and of an agent without a secret.
package demo

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/clients"
	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
)

// Config configures [Run].
type Config struct {
	Listen string // the address of the gateway; port 0 means a free one
	Once   bool   // ends the demo after the comparisons, not when ctx ends
	// Start listens as the gateway of a configuration.
	Start func(config.Settings) (Gateway, error)
}

// Gateway is a gateway that listens.
type Gateway struct {
	Addr, AdminAddr string                      // for clients and for operators
	Run             func(context.Context) error // serves until the context ends
}

// Run runs the demo and prints the comparisons. An unexpected result is an error.
func Run(ctx context.Context, c Config, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	directory, err := os.MkdirTemp("", "oauthgw-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	secretFile := filepath.Join(directory, "secret")
	if err := os.WriteFile(secretFile, []byte(agent.Secret), 0o600); err != nil {
		return err
	}
	d := &demo{provider: "http://" + listener.Addr().String()}
	gateway, err := start(c, d.provider, secretFile)
	if err != nil {
		return err
	}
	d.gateway = "http://" + gateway.Addr
	provider := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: legacy.New(legacy.Config{
		PublicURL: d.gateway, // the metadata sends clients to the gateway
		Clients:   []legacy.Client{client, agent}, NoRegistration: true,
		Observe: func(o legacy.Observation) { d.received.Store(&o) },
	})}
	defer provider.Close()
	go func() { _ = provider.Serve(listener) }() // until Close
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- gateway.Run(running) }()
	if err = d.compare(stdout); err == nil {
		err = d.compareAgent(stdout)
	}
	if err == nil && !c.Once {
		fmt.Fprintf(stdout, hints, d.gateway, d.provider, client.ID, client.Secret, "http://"+gateway.AdminAddr, registration)
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, <-done)
}

// start starts the gateway in front of a provider. It keeps the secret of the agent's client.
func start(c Config, provider, secretFile string) (Gateway, error) {
	file := config.Default()
	file.Listen, file.Admin.Listen = c.Listen, "127.0.0.1:0"
	file.Upstream.URL = provider
	file.Clients = map[string]clients.Config{
		agent.ID: {SecretFile: secretFile, Public: true, Register: true, RedirectURIs: agent.RedirectURIs},
	}
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
	code, err := authorize(d.gateway, url.Values{"client_id": {client.ID}})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "A client is registered and the user has consented. The client has an ID, a\nsecret and a code, and sends them as RFC 6749 requires:\n\n"+
		"  POST /oauth2/tokens   Authorization: Basic …   grant_type=authorization_code&code=…\n\n")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}}.Encode()
	_, err = d.sendToBoth(w, request{path: tokenPath, body: form, basic: true}, http.StatusBadRequest, http.StatusOK)
	return err
}

const tokenPath = "/oauth2/tokens"

type request struct {
	path, body string
	mediaType  string // empty: a form
	basic      bool   // with the credentials of client
}

// sendToBoth sends a request to the provider and through the gateway, and returns the members of
// the second response. Other statuses than the expected ones are an error.
func (d *demo) sendToBoth(w io.Writer, r request, atProvider, atGateway int) (members map[string]any, err error) {
	if _, err = d.send(w, "To the provider", d.provider, r, atProvider); err == nil {
		members, err = d.send(w, "Through oauthgw", d.gateway, r, atGateway)
	}
	return members, err
}

// send sends a request to an origin, and prints the response and what the token endpoint of the
// provider received. A response with the secret that the gateway keeps is an error.
func (d *demo) send(w io.Writer, title, origin string, r request, want int) (members map[string]any, err error) {
	target := origin + r.path
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", cmp.Or(r.mediaType, "application/x-www-form-urlencoded"))
	if r.basic {
		req.SetBasicAuth(client.ID, client.Secret)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, json.Unmarshal(body, &members)); err != nil {
		return nil, fmt.Errorf("%s answered %d without a JSON object: %w", target, resp.StatusCode, err)
	}
	o, response := d.received.Swap(nil), describe(members)
	if resp.StatusCode != want || (o != nil) != (r.path == tokenPath) {
		return nil, fmt.Errorf("%s answered %d %s, not %d", target, resp.StatusCode, response, want)
	}
	if strings.Contains(string(body), agent.Secret) {
		return nil, fmt.Errorf("%s answered with the secret that oauthgw keeps", target)
	}
	fmt.Fprintf(w, "%s\n  response          %d %s\n", title, resp.StatusCode, response)
	if o != nil {
		fmt.Fprintf(w, "  provider received Authorization: %s, parameters: %s\n",
			map[bool]string{true: "yes", false: "no"}[o.Authorization], strings.Join(o.Parameters, ", "))
	}
	fmt.Fprintln(w)
	return members, nil
}

// describe returns the names of the members of a response, without the tokens, or its error.
func describe(members map[string]any) string {
	if text, ok := members["error_description"]; ok {
		return fmt.Sprintf("%v: %v", members["error"], text)
	}
	if text, ok := members["message"]; ok {
		return fmt.Sprint(text)
	}
	return strings.Join(slices.Sorted(maps.Keys(members)), ", ")
}

//go:embed hints.txt
var hints string // commands to try, with a new code each

// client is the client that the provider knows.
var client = legacy.Client{ID: "demo-client", Secret: "demo-secret", RedirectURIs: []string{"http://127.0.0.1:1/callback"}}

// httpClient returns redirects, since the one with the code is the response.
var httpClient = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// authorize obtains a code from a user who consents. Parameters are those beside response_type.
func authorize(origin string, parameters url.Values) (code string, err error) {
	query := "?response_type=code&" + parameters.Encode()
	resp, err := httpClient.PostForm(origin+"/oauth2/authorize"+query, url.Values{"decision": {"allow"}})
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
