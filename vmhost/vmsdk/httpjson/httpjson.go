// Package httpjson answers requests of a chain's users in JSON. A refusal is {"error": "why"}.
package httpjson

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Answer sends a value.
func Answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the asker has gone, or has it
}

// Refuse says why a request isn't served.
func Refuse(w http.ResponseWriter, code int, format string, args ...any) {
	Answer(w, code, map[string]string{"error": fmt.Sprintf(format, args...)})
}
