package devnet

import (
	"context"
	"net"
	"net/http"

	"github.com/reevenet/reeve/cmd/internal/gateway"
)

// Info asks a node's door for clients what the node is.
func Info(ctx context.Context, address string) (*gateway.Info, error) {
	var i gateway.Info
	return &i, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/info", &i)
}

// Bus asks a node's door for monitoring for the mailboxes of its bus.
func Bus(ctx context.Context, address string) (list []gateway.Mailbox, err error) {
	return list, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/bus", &list)
}

// Steps asks a node's door for monitoring what its parts remember of their work on blocks and candidates whose hash
// begins with these hexadecimal digits, at least eight.
func Steps(ctx context.Context, address, about string) (*gateway.Steps, error) {
	var s gateway.Steps
	return &s, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/steps/"+about, &s)
}

// Peers asks a node's door for monitoring for the nodes that it knows.
func Peers(ctx context.Context, address string) (list []gateway.Peer, err error) {
	return list, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/peers", &list)
}

// Block asks a node's door for clients for an accepted block, by id or height; gateway.ErrNoBlock if there is none.
func Block(ctx context.Context, address, chain, at string) (*gateway.Block, error) {
	var b gateway.Block
	return &b, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/chain/"+chain+"/block/"+at, &b)
}

// Why asks a node's door for clients what it remembers of a block, by id or height, or of the "next" one;
// gateway.ErrNoBlock if that is nothing.
func Why(ctx context.Context, address, chain, at string) (*gateway.Why, error) {
	var w gateway.Why
	return &w, fetch(ctx, http.DefaultClient, "http://"+address+"/ext/chain/"+chain+"/why/"+at, &w)
}

// Supervised tells whether somebody supervises what belongs to the run directory.
func Supervised(run string) bool {
	c, err := net.Dial("unix", controlSocket(run))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
