package gateway

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// Methods that a chain's VM may be called with.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete,
	http.MethodOptions}

// guard refuses what no part of the node should have to look at.
func (g *Gateway) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.hostAllowed(r.Host) {
			refuse(w, http.StatusForbidden,
				"this node isn't served under the name "+hostName(r.Host)+"; add it to http.hosts")
			return
		}
		if !slices.Contains(methods, r.Method) {
			refuse(w, http.StatusMethodNotAllowed, "the method "+r.Method+" isn't served")
			return
		}
		limit := bodyLimit(r.URL.Path)
		if r.ContentLength > limit {
			refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

func bodyLimit(path string) int64 {
	if strings.HasSuffix(path, "/txs") {
		return maxBatch
	}
	return maxBody
}

// hostAllowed protects a node on a person's machine from web pages that point their own name at 127.0.0.1.
func (g *Gateway) hostAllowed(host string) bool {
	return slices.Contains(g.config.Hosts, "*") || slices.Contains(g.config.Hosts, hostName(host))
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
