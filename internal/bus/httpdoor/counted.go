package httpdoor

import "net/http"

// Counted serves requests that have a place at the door through which they came; the others are refused by full, which
// must not wait. A request that came through no door, as in a test, isn't counted.
func Counted(next http.Handler, full http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := connOf(r)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		if !c.places.ask(c.address) {
			w.Header().Set("Retry-After", "1")
			full(w, r)
			return
		}
		defer c.places.answered(c.address)
		next.ServeHTTP(w, r)
	})
}

// Address is whose share a request counts in: that of the connection over which it came.
func Address(r *http.Request) string {
	if c := connOf(r); c != nil {
		return c.address
	}
	return ""
}
