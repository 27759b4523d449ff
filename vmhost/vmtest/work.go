package vmtest

import (
	"fmt"
	"strings"
)

// Post is work that arrives as an HTTP request: {n} in the body is the number of the piece of work.
func Post(path, body string) Work {
	return func(s *Session, n int) error {
		code, answer, err := s.HTTP("POST", path, []byte(strings.ReplaceAll(body, "{n}", fmt.Sprint(n))))
		if err == nil && code >= 300 {
			err = fmt.Errorf("POST %s: %d %s", path, code, answer)
		}
		return err
	}
}

// Gossip is work that a peer's gossip brings: the n-th message.
func Gossip(message func(n int) []byte) Work {
	return func(s *Session, n int) error {
		s.takesGossip = true
		return s.Gossip(message(n))
	}
}
