package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// version is one of the two configurations that take turns. Each shows in the
// replies in more than one place.
type version string

const (
	one version = "one"
	two version = "two"
)

// text is the configuration of the version.
func (v version) text() string {
	conflict := map[version]string{one: "any", two: "differing"}[v]
	return fmt.Sprintf("client_auth: {realm: %[1]s, conflict: %[2]s}\ncors: {allowed_origins: [\"https://%[1]s.example\"]}\n"+
		"metadata: {patch: {set: {service_documentation: \"https://docs.example.com/%[1]s\"}}}\n", v, conflict)
}

func (v version) other() version { return map[version]version{one: two, two: one}[v] }

// reload lets two configurations take turns. Every reply must come from one of
// them alone.
func reload(ctx context.Context, s *site) (string, error) {
	v := one
	g, err := s.start(ctx, v.text(), nil)
	if err != nil {
		return "", err
	}
	loading, enough := context.WithCancel(ctx)
	defer enough()
	l := &load{tally: &s.tally, errands: []errand{redeem, guess, double, discover, browse}, pause: 20 * time.Millisecond, check: shownByOne}
	l.begin(loading, s.pages(32, g.data))
	total, broken := s.times(100), 0
	start, probe := time.Now(), s.pages(1, g.data)[0]
	for i := range total {
		time.Sleep(time.Until(start.Add(s.during(60*time.Second) * time.Duration(i) / time.Duration(total))))
		if i%10 == 5 {
			broken++
			err = errors.Join(err, g.refuses(s, "listen: nowhere\nunknown: key\n"))
		}
		v = v.other()
		if err = errors.Join(err, g.takes(ctx, s, v, i, probe)); err != nil {
			break
		}
	}
	took := time.Since(start)
	enough()
	l.wait()
	counted := fmt.Sprintf("%d reloads and %d refused ones in %.0f s, %d codes", total, broken, took.Seconds(), s.provider.codes())
	return counted, errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// pages returns clients that are pages of an origin that version one lets in.
func (s *site) pages(n int, address string) []*client {
	clients := s.clients(n, address)
	for _, c := range clients {
		c.header.Set("Origin", "https://one.example")
	}
	return clients
}

// takes gives the gateway a version, in one of the ways to do so, and waits until
// it is in force.
func (g *gateway) takes(ctx context.Context, s *site, v version, i int, probe *client) error {
	if err := g.configure(s, v.text()); err != nil {
		return err
	}
	switch {
	case i%16 == 8: // it finds the change by itself, within seconds
	case i%2 == 0:
		if err := g.signal(syscall.SIGHUP); err != nil {
			return err
		}
	default:
		if status, text, err := g.operate(http.MethodPost, "/-/reload"); err != nil || status != http.StatusOK {
			return fmt.Errorf("a reload was answered %d %s %w", status, text, err)
		}
	}
	return await(ctx, "a configuration to be in force", func() bool {
		r, err := guess(probe)
		return err == nil && realm(r) == v
	})
}

// refuses offers the gateway a configuration that it must not take.
func (g *gateway) refuses(s *site, more string) error {
	if err := g.configure(s, more); err != nil {
		return err
	}
	if status, _, err := g.operate(http.MethodPost, "/-/reload"); err != nil || status != http.StatusInternalServerError {
		return fmt.Errorf("a broken configuration was answered %d %w", status, err)
	}
	return nil
}

// double sends the credentials twice, which one version refuses and the other
// takes.
func double(c *client) (reply, error) {
	c.code++
	r, err := c.token(c.code, secret, url.Values{"client_id": {c.id}, "client_secret": {secret}})
	if err != nil || r.StatusCode == http.StatusBadRequest && strings.Contains(r.body, `"invalid_request"`) {
		return r, err
	}
	return r, c.worth(r)
}

func realm(r reply) version {
	for _, v := range []version{one, two} {
		if strings.Contains(r.Header.Get("WWW-Authenticate"), `realm="`+string(v)+`"`) {
			return v
		}
	}
	return ""
}

// shownByOne judges that everything in a reply comes from one configuration.
func shownByOne(_ *client, r reply) error {
	if r.Request.URL.Path == "/page" {
		return nil // carried as it is
	}
	// The pages are of an origin that one lets in and two does not.
	shown := []version{two}
	if r.Header.Get("Access-Control-Allow-Origin") != "" {
		shown[0] = one
	}
	if v := realm(r); v != "" {
		shown = append(shown, v)
	}
	for _, v := range []version{one, two} {
		if strings.Contains(r.body, "https://docs.example.com/"+string(v)) {
			shown = append(shown, v)
		}
	}
	if r.StatusCode == http.StatusBadRequest {
		shown = append(shown, one)
	}
	for _, v := range shown {
		if v != shown[0] {
			return fmt.Errorf("a reply comes from several configurations: %v in %v %.300s", shown, r.Header, r.body)
		}
	}
	return nil
}
