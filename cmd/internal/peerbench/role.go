package main

import (
	"fmt"
	"io"
	"os"
)

// peers by the name that --peer takes.
var peers = map[string]peer{
	"raw":  {roles: []string{"raw-relay", "raw-answerer"}, connect: connectRaw},
	"grpc": {roles: []string{"grpc-answerer"}, connect: connectGRPC},
	"nats": {roles: []string{"nats-server", "nats-answerer"}, connect: connectNATS},
}

var roles = map[string]role{
	"raw-relay":     relayRaw,
	"raw-answerer":  answerRaw,
	"grpc-answerer": answerGRPC,
	"nats-server":   serveNATS,
	"nats-answerer": answerNATS,
}

// playRole is a child process: it announces its address in one line on standard output and ends when its standard
// input does.
func playRole(args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	name, address := args[0], args[1]
	play, ok := roles[name]
	if !ok {
		return fmt.Errorf("no role is called %q", name)
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	return play(address, func(address string) { fmt.Println(address) }, done)
}
