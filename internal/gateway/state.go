package gateway

import (
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/state"
	"oauthgw/metrics"
)

// newState returns the state of a configuration, which all gateways share.
func (r *Reloader) newState(s config.Settings, m *metrics.Metrics) state.Store {
	memory := state.NewMemory()
	m.Assertions(func() time.Duration { return r.Current().settings.Clients.KeysAge() }, memory.Claims)
	if s.State.Redis == "" {
		return memory
	}
	store, err := state.NewRedis(state.Config{
		Redis: s.State.Redis, Roots: s.StateRoots, Password: func() string { return r.Current().settings.StatePassword.Reveal() },
		OnCheck: m.StateUp, OnError: func(operation string) { m.StateError.Inc(operation) },
	}, memory)
	if err != nil {
		panic(err) // config has validated the URL
	}
	return store
}
