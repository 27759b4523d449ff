// Package services lists the parts of a node by hand. A part that isn't here doesn't exist; all that goes over the
// parts, from the supervisor to the simulator, goes over this list. It also says which port to the world each of them
// gets: a part itself knows interfaces alone.
package services

import (
	"crypto/ed25519"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/services/availabilitydistribution"
	"github.com/reevenet/reeve/services/availabilitystore"
	"github.com/reevenet/reeve/services/availabilitystore/pebbledisk"
	"github.com/reevenet/reeve/services/bitfielddistribution"
	"github.com/reevenet/reeve/services/bitfieldsigning"
	"github.com/reevenet/reeve/services/candidatebacking"
	"github.com/reevenet/reeve/services/candidateselection"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/workers"
	"github.com/reevenet/reeve/services/collator"
	"github.com/reevenet/reeve/services/collator/para"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/misbehaviorarbitration"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
	"github.com/reevenet/reeve/services/povdistribution"
	"github.com/reevenet/reeve/services/provisioner"
	"github.com/reevenet/reeve/services/runtimeapi"
	"github.com/reevenet/reeve/services/statementdistribution"
	"github.com/reevenet/reeve/vmhost"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/pebbledb"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/process"
)

// Parts lists them, in the order in which they are started and shown. The bridge comes with the protocols of all
// others.
var Parts = sync.OnceValue(func() part.List {
	list := part.List{
		engine.Part(),
		vmhost.Part(vmhost.Ports{OpenDB: openDB, Launcher: launcher}),
		keystore.Part(),
		runtimeapi.Part(),
		availabilitystore.Part(openAvailability),
		availabilitydistribution.Part(),
		bitfieldsigning.Part(),
		bitfielddistribution.Part(),
		candidateselection.Part(),
		candidatebacking.Part(),
		candidatevalidation.Part(workers.Open),
		statementdistribution.Part(),
		povdistribution.Part(),
		misbehaviorarbitration.Part(),
		provisioner.Part(),
		collator.Part(),
		para.Part(),
	}
	return append(list, networkbridge.Part(openTransport, list.Protocols()))
})

func openDB(dir string, log *slog.Logger) (database.Database, error) { return pebbledb.Open(dir, log) }

func openAvailability(dir string, log *slog.Logger) (availabilitystore.Disk, error) {
	return pebbledisk.Open(vfs.Default, dir, log)
}

func launcher(p vmhost.Program) launch.Launcher {
	return process.Launcher{
		Path: p.Path, Checksum: p.Checksum, RunDir: p.RunDir, Handshake: p.Handshake, Confine: p.Confine,
	}
}

func openTransport(identity ed25519.PrivateKey, listen []string, log *slog.Logger) (networkbridge.Transport, error) {
	return p2p.New(p2p.Config{Key: identity, Listen: listen, Log: log})
}
