package errcode

import (
	"errors"
	"syscall"
)

// CannotListen is the error of a listener that couldn't be opened.
func CannotListen(address string, err error) error {
	do := "Check http.listen, p2p.listen and metrics.listen in the node's config.toml."
	if errors.Is(err, syscall.EADDRINUSE) {
		do = "End the other program, or start a new network with --port-base, such as --port-base 9750."
	}
	return New(PortTaken, do, err, "can't listen on %s", address)
}
