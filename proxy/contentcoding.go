package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"slices"
	"strings"
)

// maxCodings bounds the work for one response: each coding can grow a body to maxResponse.
const maxCodings = 2

// codings returns the content codings of a response, the last one first, and whether the
// gateway can decode them (RFC 9110 section 8.4.1).
func (r response) codings() (codings []string, known bool) {
	if len(r.header["Content-Encoding"]) == 0 {
		return nil, true
	}
	for _, coding := range elements(r.header["Content-Encoding"]) {
		switch coding = strings.ToLower(coding); coding {
		case "identity", "":
		case "gzip", "x-gzip", "deflate":
			codings = append(codings, coding)
		default:
			return nil, false
		}
	}
	slices.Reverse(codings)
	return codings, len(codings) <= maxCodings
}

// decode replaces a compressed body by what it stands for, and reports whether there was one.
// The gateway has asked for none, but the code of the request is used up.
func (r *response) decode() (bool, error) {
	codings, _ := r.codings() // checkHead has refused unknown ones
	if len(codings) == 0 {
		return false, nil
	}
	for _, coding := range codings {
		if len(r.body) == 0 {
			break // of a response to HEAD, or a status without a body
		}
		reader, err := decoder(coding, r.body)
		if err == nil {
			r.body, err = readAll(reader, firstRoom, maxResponse, nil)
		}
		switch {
		case err != nil:
			return false, errBrokenReply
		case len(r.body) > maxResponse:
			return false, errLargeReply
		}
	}
	r.header.Del("Content-Encoding")
	dropDigests(r.header)
	return true, nil
}

func decoder(coding string, body []byte) (io.Reader, error) {
	if coding != "deflate" {
		return gzip.NewReader(bytes.NewReader(body))
	}
	// Some servers send deflate without the zlib format (RFC 9110 section 8.4.1.2).
	if wrapped, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
		return wrapped, nil
	}
	return flate.NewReader(bytes.NewReader(body)), nil
}
