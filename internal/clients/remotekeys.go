package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"oauthgw/internal/assertion"
)

// Times of fetching a JWK Set.
const (
	fetchTimeout = 5 * time.Second
	cooldown     = 30 * time.Second // from one attempt to the next for a key that is not known, or after a failure
	keysLifetime = 24 * time.Hour   // from the last fetch of the keys to the end of their use

	shortestAge, usualAge, longestAge = time.Minute, 5 * time.Minute, 10 * time.Minute // of keys, until the next fetch
)

// remoteKeys holds the keys of a JWK Set at a URL. Only run fetches. It is safe for concurrent use.
type remoteKeys struct {
	uri    string
	roots  *x509.CertPool
	client *http.Client
	wake   chan struct{} // asks run for a fetch
	loop   sync.Mutex    // held by run

	mu        sync.Mutex
	keys      []assertion.Key
	fetched   time.Time // when the keys were fetched, or newRemoteKeys was called
	attempted time.Time // the end of the last attempt; zero: none
	next      time.Time // when the next attempt is due
	fetching  bool
	started   bool          // run was called
	done      chan struct{} // closed at the end of an attempt
}

func newRemoteKeys(uri string, roots *x509.CertPool) *remoteKeys {
	return &remoteKeys{
		uri: uri, roots: roots, wake: make(chan struct{}, 1), done: make(chan struct{}), fetched: time.Now(),
		client: &http.Client{
			Timeout:       fetchTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
				DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 32 << 10,
			},
		},
	}
}

// isOf reports whether other keys are the same ones.
func (r *remoteKeys) isOf(other *remoteKeys) bool {
	return r.uri == other.uri && r.roots.Equal(other.roots)
}

// verify returns the key with which an assertion is signed. For a key that is not known it waits for
// a fetch, if one is in flight or the last one is long enough ago.
func (r *remoteKeys) verify(ctx context.Context, a *assertion.Assertion) (assertion.Key, error) {
	keys, _ := r.current()
	key, err := a.Verify(keys)
	if err == nil || a.HasID(keys) {
		return key, err
	}
	r.refresh(ctx)
	keys, isFailing := r.current()
	if key, err = a.Verify(keys); err != nil && isFailing { // it may be signed with a newer key
		return assertion.Key{}, ErrKeysUnavailable
	}
	return key, err
}

// current returns the keys, and whether there are none yet or the last attempt failed.
func (r *remoteKeys) current() (keys []assertion.Key, isFailing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.fetched) <= keysLifetime {
		keys = r.keys
	}
	return keys, len(r.keys) == 0 || r.fetched.Before(r.attempted)
}

// refresh waits for a fetch, if one is in flight or may begin. Without run there is none.
func (r *remoteKeys) refresh(ctx context.Context) {
	r.mu.Lock()
	done, begins := r.done, !r.fetching && (r.attempted.IsZero() || time.Since(r.attempted) >= cooldown)
	waits := r.started && (r.fetching || begins)
	if waits && begins {
		select {
		case r.wake <- struct{}{}:
		default: // run is asked already
		}
	}
	r.mu.Unlock()
	if !waits {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout+time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// run fetches the keys whenever they are due or asked for, until ctx ends. It reports the result of each
// attempt, and logs the first of several failures.
func (r *remoteKeys) run(ctx context.Context, log *slog.Logger, report func(ok bool)) {
	r.loop.Lock() // the run of the previous configuration may not have ended
	defer r.loop.Unlock()
	for failed := false; ; {
		r.mu.Lock()
		r.started = true
		due := time.After(time.Until(r.next))
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-due:
		case <-r.wake:
		}
		err := r.attempt(ctx)
		if ctx.Err() != nil {
			return
		}
		report(err == nil)
		if err != nil && !failed {
			log.Warn("key fetch failed", "jwks_uri", r.uri, "err", err.Error())
		}
		failed = err != nil
	}
}

// attempt fetches the keys. One that ctx ends is repeated by the next run.
func (r *remoteKeys) attempt(ctx context.Context) error {
	r.mu.Lock()
	r.fetching = true
	select {
	case <-r.wake:
	default:
	}
	r.mu.Unlock()
	keys, age, err := r.fetch(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetching = false
	now := time.Now()
	if ctx.Err() != nil {
		r.next = now
		return err
	}
	if r.attempted, r.next = now, now.Add(cooldown); err == nil {
		r.keys, r.fetched, r.next = keys, now, now.Add(age)
	}
	close(r.done)
	r.done = make(chan struct{})
	return err
}

var maxAge = regexp.MustCompile(`(?i)(?:^|[ ,\t])max-age=([0-9]{1,9})`)

func (r *remoteKeys) fetch(ctx context.Context) ([]assertion.Key, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.uri, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, assertion.MaxKeysSize+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, 0, fmt.Errorf("the status is %d and not 200; redirects are not followed", resp.StatusCode)
	case err != nil:
		return nil, 0, err
	}
	keys, _, err := assertion.ParseKeys(text)
	if err == nil && len(keys) == 0 {
		err = errors.New("it has no key that can verify assertions")
	}
	age := usualAge
	if m := maxAge.FindStringSubmatch(resp.Header.Get("Cache-Control")); m != nil {
		seconds, _ := strconv.Atoi(m[1]) // it fits
		age = min(max(time.Duration(seconds)*time.Second, shortestAge), longestAge)
	}
	return keys, age, err
}

// remotes returns the JWK Sets that are fetched.
func (t *Table) remotes() (found []*remoteKeys) {
	for _, c := range t.All() {
		for _, i := range c.Issuers {
			if i.remote != nil && !slices.Contains(found, i.remote) {
				found = append(found, i.remote)
			}
		}
	}
	return found
}

// FetchKeys fetches the keys at every jwks_uri whenever they are due, until ctx ends. It reports the
// result of each attempt, and logs the first of several failures.
func (t *Table) FetchKeys(ctx context.Context, log *slog.Logger, report func(ok bool)) {
	var all sync.WaitGroup
	for _, r := range t.remotes() {
		all.Go(func() { r.run(ctx, log, report) })
	}
	all.Wait()
}

// KeysAge returns how long ago the keys at a jwks_uri were fetched, or should have been for the first
// time; the longest if there are several, and zero if there is none.
func (t *Table) KeysAge() (longest time.Duration) {
	for _, r := range t.remotes() {
		r.mu.Lock()
		longest = max(longest, time.Since(r.fetched))
		r.mu.Unlock()
	}
	return longest
}

// Inherit takes over the keys that another table has fetched. It must be called before any other method.
func (t *Table) Inherit(old *Table) {
	for _, c := range t.All() {
		for i, issuer := range c.Issuers {
			for _, r := range old.remotes() {
				if issuer.remote != nil && issuer.remote.isOf(r) {
					c.Issuers[i].remote = r
				}
			}
		}
	}
}
