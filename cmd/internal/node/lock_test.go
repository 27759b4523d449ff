package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// A second overseer of one directory, at other ports: it says who is there, and leaves the socket and the epoch alone.
func TestASecondOverseerEndsWithASentenceAndTouchesNothing(t *testing.T) {
	n := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Overseer(ctx) }()
	defer func() { cancel(); <-ended }()
	awaitBus(t, n, ended)
	before := traces(t, n)
	second, settings := *n, *n.Config
	second.Config = &settings
	second.Config.HTTP.Listen, second.Config.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	err := second.Overseer(t.Context())
	var e *errcode.Error
	if !errors.As(err, &e) || e.ID != errcode.DataDirInUse || !strings.Contains(e.What, "another overseer runs v1") {
		t.Errorf("it ended with %v", err)
	}
	if after := traces(t, n); after != before {
		t.Errorf("it left %q, before there was %q", after, before)
	}
	if _, err := net.Dial("unix", n.Home.Socket(BusSocket)); err != nil {
		t.Errorf("the first one isn't reached any more: %v", err)
	}
}

// awaitBus waits until a node's overseer can be called, and has written which life of it this is.
func awaitBus(t *testing.T, n *Node, ended <-chan error) {
	t.Helper()
	for range 2000 {
		c, err := net.Dial("unix", n.Home.Socket(BusSocket))
		if err == nil {
			c.Close()
			_, err = os.Stat(epochFile(n))
		}
		if err == nil {
			return
		}
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the overseer can't be called")
}

func epochFile(n *Node) string { return filepath.Join(n.Home.Data("overseer"), "epoch") }

// traces are the epoch, and which socket it is.
func traces(t *testing.T, n *Node) string {
	t.Helper()
	epoch, err := os.ReadFile(epochFile(n))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(n.Home.Socket(BusSocket))
	if err != nil {
		t.Fatal(err)
	}
	return string(epoch) + info.ModTime().String()
}
