package config

import (
	"crypto/x509"
	"net/url"
	"regexp"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
)

// StateConfig says where replicas share used client assertions and failed authentications.
type StateConfig struct {
	Redis             string `yaml:"redis"`         // URL; empty: each replica keeps them in memory
	PasswordFile      string `yaml:"password_file"` // one line end at its end is dropped
	CAFile            string `yaml:"ca_file"`       // empty: the system's roots
	InsecurePlaintext bool   `yaml:"insecure_plaintext"`
}

// state checks how Redis is reached, and returns the password and the CA bundle. No error shows the
// URL, which may hold a password.
func (v *validator) state(c StateConfig) (clientauth.Secret, *x509.CertPool) {
	const key = "state.redis"
	u, err := url.Parse(c.Redis)
	if err != nil {
		u = &url.URL{}
	}
	_, hasPassword := u.User.Password()
	switch {
	case c.Redis == "":
		v.require(c.PasswordFile == "", "state.password_file", "has no effect without state.redis; set it, or remove this key")
	case hasPassword:
		v.addf(key, "must not hold a password; write it into a file, and name that in state.password_file")
	case !isRedis(u) || strings.Contains(c.Redis, "#"):
		v.addf(key, "must be a URL such as redis://127.0.0.1:6379/0, rediss://user@redis.example:6379 or unix:///run/redis.sock, without options; write a password into a file, and name that in state.password_file")
	case u.Scheme == "redis" && !origin.IsConfidential(u) && !c.InsecurePlaintext:
		v.addf(key, "redis:// to another host lets the network read the password and change replies; use rediss://, or set state.insecure_plaintext")
	}
	v.require(c.CAFile == "" || u.Scheme == "rediss", "state.ca_file", "is used with TLS only; set state.redis to a rediss URL, or remove this key")
	password := v.secret("state.password_file", c.PasswordFile, "the password of Redis", passwordCharacters, "the password as one line; remove other lines and control characters")
	return password, v.roots("state.ca_file", c.CAFile)
}

var (
	passwordCharacters = regexp.MustCompile(`^\P{Cc}*$`)

	databasePath  = regexp.MustCompile(`^/?[0-9]{0,5}$`)
	databaseQuery = regexp.MustCompile(`^(?:db=[0-9]{1,5})?$`) // other options would change timeouts and TLS
)

// isRedis reports whether a URL names a server or a socket, perhaps with a user and the number of a database.
func isRedis(u *url.URL) bool {
	if u.Scheme == "unix" {
		return u.Host == "" && strings.HasPrefix(u.Path, "/") && databaseQuery.MatchString(u.RawQuery)
	}
	return (u.Scheme == "redis" || u.Scheme == "rediss") && isAuthority(u) && databasePath.MatchString(u.Path) && u.RawQuery == ""
}
