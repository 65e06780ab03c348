package connlimit

import "regexp"

// reasonByStatus maps the status of a response that net/http writes itself. No hook of
// net/http reports such a response, but no handler runs when it is written.
var reasonByStatus = map[string]string{
	"400": "malformed", "431": "header_too_large", "417": "unsupported", "501": "unsupported", "505": "unsupported",
}

// proxyHeader matches the beginning of a PROXY protocol header, versions 1 and 2, also its
// first five bytes.
var proxyHeader = regexp.MustCompile(`^(PROXY( TCP| UNKNOWN|$)|\r\n\r\n\x00)`)

// checkOpening reports a connection whose first bytes are not HTTP.
func (c *conn) checkOpening(first []byte) {
	switch {
	case first[0] == 0x16: // a TLS handshake record (RFC 8446 section 5.1)
		c.refuse("tls_to_plain", nil)
	case proxyHeader.Match(first):
		c.refuse("proxy_protocol", nil)
	}
}

// refuse reports a connection on which no request can be answered, once.
func (c *conn) refuse(reason string, err error) {
	if reason != "" && !c.handled.Swap(true) && c.listener.config.OnRefuse != nil {
		c.listener.config.OnRefuse(reason, c.RemoteAddr(), err)
	}
}
