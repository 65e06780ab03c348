package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
)

// coding returns the content coding of a response (RFC 9110 section 8.4); empty: none.
func (r response) coding() string {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.header["Content-Encoding"], ",")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// decode decodes a compressed body. The gateway has asked for none, but the code of the request
// is used up.
func (r *response) decode() (err error) {
	var decoder io.Reader
	switch r.coding() {
	case "gzip", "x-gzip":
		decoder, err = gzip.NewReader(bytes.NewReader(r.body))
	case "deflate":
		// Some servers send deflate without the zlib format (RFC 9110 section 8.4.1.2).
		if decoder, err = zlib.NewReader(bytes.NewReader(r.body)); err != nil {
			decoder, err = flate.NewReader(bytes.NewReader(r.body)), nil
		}
	default:
		return errEncodedReply
	}
	if err == nil {
		r.body, err = readAll(decoder, firstRoom, maxResponse, nil)
	}
	switch {
	case err != nil:
		return errBrokenReply
	case len(r.body) > maxResponse:
		return errLargeReply
	}
	r.header.Del("Content-Encoding")
	dropDigests(r.header)
	return nil
}
