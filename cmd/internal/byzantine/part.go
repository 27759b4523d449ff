package byzantine

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/engine"
)

// Engine makes a liar of the process of an engine.
func Engine(i part.Instance, kind Kind) part.Instance {
	i.Build = func(n part.Node, chain genesis.Chain) (subsystem.Spec, error) {
		cfg, err := engine.ConfigOf(n, chain)
		if err != nil {
			return subsystem.Spec{}, err
		}
		self, votes := cfg.Validators.Index(n.ID)
		if !votes {
			return subsystem.Spec{}, fmt.Errorf("%s is no validator: nobody listens to its lies", n.Home.Name)
		}
		secret, err := keys.Load(disk.OS{}, datadir.Signer(n.Home).KeyFile, keys.Signing)
		if err != nil {
			return subsystem.Spec{}, err
		}
		cfg.Tamper = func(sub *subsystem.Sub, send func([]primitives.NodeID, proto.Message)) engine.Tamper {
			sub.Log.Warn("this engine lies to its peers: a drill", "kind", kind)
			return newLiar(liar{
				kind: kind, chain: cfg.Chain, set: cfg.Validators, self: self, secret: secret, loop: sub, send: send,
				raw: func(to primitives.NodeID, payload []byte) {
					sub.Send(&nbv1.SendConsensusMessage{
						Peers: [][]byte{to[:]}, Protocol: engine.ProtocolConsensus, Payload: payload,
					})
				},
			})
		}
		return engine.Spec(cfg), nil
	}
	return i
}
