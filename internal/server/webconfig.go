package server

import (
	"log/slog"

	"oauthgw/internal/logging"

	"github.com/prometheus/exporter-toolkit/web"
)

// serveAdmin runs the admin server until its shutdown. The web configuration file is read
// again for each request.
func (s *Server) serveAdmin() error {
	file := s.config.WebConfigFile
	if file == "" {
		return s.admin.Serve(s.adminLimit)
	}
	return web.Serve(s.adminLimit, s.admin, &web.FlagConfig{WebConfigFile: &file}, slog.New(logging.RedactYAML(s.config.Log.Handler())))
}
