// Package descriptors counts how many files and connections this process may have open, and divides them, so that what
// strangers do at one door can't take what another part needs. What a node can't do without comes first: the bus and
// its own files, then the chain's database and the peers; the door for clients has a part of its own and no more.
//
// The parts are the same in every process, whatever runs in it, so that they also hold where a whole node is one.
package descriptors

import (
	"log/slog"
	"math"

	"golang.org/x/sys/unix"
)

const (
	// own are those that every process has for itself: the bus, logs, sockets between processes, libraries.
	own = 64
	// parts are equal: the database, the peers, the door for clients, and one for what these take on behalf of others.
	parts = 4
	// few is a limit below which a part has less than it would use.
	few = 16 << 10
)

// Division is who may have how many.
type Division struct{ Limit, Database, Peers, Clients int }

// Divide divides a limit.
func Divide(limit int) Division {
	each := max(8, (limit-own)/parts)
	return Division{Limit: limit, Database: each, Peers: each, Clients: each}
}

// Count raises this process's limit as far as it may be raised, and divides it. The Go runtime gives its children the
// limit that this process was started with.
func Count() Division {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return Divide(few)
	}
	if l.Cur < l.Max && unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Max, Max: l.Max}) == nil {
		l.Cur = l.Max
	}
	return Divide(int(min(l.Cur, math.MaxInt32)))
}

// Tell logs a limit with which a node takes fewer clients and peers than it would.
func (d Division) Tell(log *slog.Logger) {
	if d.Limit < few {
		log.Warn("this process may open few files: clients and peers find fewer places. "+
			"Raise the limit with `ulimit -n`, LimitNOFILE or --ulimit",
			"limit", d.Limit, "enough", few, "database", d.Database, "peers", d.Peers, "clients", d.Clients)
	}
}
