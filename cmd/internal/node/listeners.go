package node

import (
	"errors"
	"net"
	"os"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/operator"
)

// listeners are those of the overseer's process, and the key of what the monitor's socket has for operators.
type listeners struct {
	bus, monitor, http, metrics net.Listener
	key                         operator.Key
}

// open opens all listeners, or none.
func (n *Node) open() (*listeners, error) {
	key, err := operator.MakeKey(n.Home.Socket(datadir.MonitorSocket))
	if err != nil {
		return nil, broken(n.Home, err)
	}
	l := &listeners{key: key}
	for _, o := range []struct {
		to               *net.Listener
		network, address string
	}{
		{&l.http, "tcp", n.Config.HTTP.Listen},
		{&l.metrics, "tcp", n.Config.Metrics.Listen},
		{&l.monitor, "unix", n.Home.Socket(datadir.MonitorSocket)},
		{&l.bus, "unix", n.Home.Socket(BusSocket)},
	} {
		opened, err := listen(o.network, o.address)
		if err != nil {
			l.close()
			return nil, err
		}
		*o.to = opened
	}
	return l, nil
}

func listen(network, address string) (net.Listener, error) {
	if network == "unix" {
		return listenAt(address)
	}
	opened, err := net.Listen(network, address)
	if err != nil {
		return nil, errcode.CannotListen(address, err)
	}
	return opened, nil
}

// listenAt opens a socket. One that is there was left by a process that was killed: a lock makes sure that
// no other one lives.
func listenAt(path string) (net.Listener, error) {
	err := os.Remove(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		var opened net.Listener
		if opened, err = net.Listen("unix", path); err == nil {
			return opened, nil
		}
	}
	return nil, errcode.New(errcode.DataDirBroken,
		"Remove what has its name and make its directory writable for this user.", err, "the socket %s can't be made", path)
}

func (l *listeners) close() {
	for _, open := range []net.Listener{l.bus, l.monitor, l.http, l.metrics} {
		if open != nil {
			open.Close()
		}
	}
}
