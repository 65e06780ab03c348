package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// optionsOf returns the options of one of the two configurations that alternate, "one"
// and "two". Responses show the name in several places.
func optionsOf(name string) string {
	return fmt.Sprintf("client_auth: {realm: %[1]s}\ncors: {allowed_origins: [\"https://%[1]s.example\"]}\n"+
		"metadata: {patch: {set: {service_documentation: \"https://docs.example.com/%[1]s\"}}}\n", name)
}

// reload alternates two configurations. Everything in one response must come from one
// of them.
func reload(ctx context.Context, e *env) (string, error) {
	g, err := e.startGateway(ctx, optionsOf("one"))
	if err != nil {
		return "", err
	}
	clients := e.newClients(33, g.data)
	for _, c := range clients {
		c.header.Set("Origin", "https://one.example") // which only "one" allows
	}
	stop := e.startLoad(ctx, load{requests: []request{oneConfig(redeem), oneConfig(sendWrongSecret), oneConfig(fetchMetadata), fetchPage, postPage},
		maxPause: 20 * time.Millisecond}, clients[1:])
	defer stop()
	total, broken := e.scaled(100), 0
	start := time.Now()
	for i := 0; i < total && err == nil; i++ {
		time.Sleep(time.Until(start.Add(e.scaledTime(40*time.Second) * time.Duration(i) / time.Duration(total))))
		if i%10 == 5 {
			broken++
			err = errors.Join(g.configure(e, "listen: nowhere\nunknown: key\n"), g.expect(http.MethodPost, "/-/reload", http.StatusInternalServerError))
		}
		name := []string{"two", "one"}[i%2]
		err = errors.Join(err, g.configure(e, optionsOf(name)), g.reload(i%16 == 8, i%2 == 0))
		err = errors.Join(err, waitFor(ctx, "the new configuration", func() bool {
			r, err := sendWrongSecret(clients[0])
			return err == nil && strings.Contains(r.Header.Get("WWW-Authenticate"), `realm="`+name+`"`)
		}))
	}
	took := time.Since(start)
	stop()
	return fmt.Sprintf("%d reloads and %d rejected ones in %.0f s, %d codes", total, broken, took.Seconds(), e.provider.codes()),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// reload reloads by SIGHUP or by POST, or leaves the gateway to notice the changed files.
func (g *gateway) reload(byItself, bySignal bool) error {
	switch {
	case byItself:
		return nil
	case bySignal:
		return g.signal(syscall.SIGHUP)
	default:
		return g.expect(http.MethodPost, "/-/reload", http.StatusOK)
	}
}

// oneConfig returns a request that expects everything in the response to come from one
// configuration.
func oneConfig(send request) request {
	return func(c *client) (response, error) {
		r, err := send(c)
		if err != nil {
			return r, err
		}
		other := "one"
		if r.Header.Get("Access-Control-Allow-Origin") != "" {
			other = "two"
		}
		if strings.Contains(r.Header.Get("WWW-Authenticate"), `"`+other+`"`) || strings.Contains(r.body, "https://docs.example.com/"+other) ||
			r.StatusCode == http.StatusBadRequest && other == "one" {
			err = fmt.Errorf("a response comes from two configurations: %d %v %.300s", r.StatusCode, r.Header, r.body)
		}
		return r, err
	}
}
