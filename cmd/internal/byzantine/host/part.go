package host

import (
	"fmt"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// liar is what all of them have.
type liar struct {
	// sub is the way out that nothing stands in.
	sub    *subsystem.Sub
	secret keys.Secret
}

// Liar makes a liar of the process of a part, which is the one that lies in this way.
func Liar(i part.Instance, kind Kind) part.Instance {
	honest := i.Build
	i.Build = func(n part.Node, c genesis.Chain) (subsystem.Spec, error) {
		spec, err := honest(n, c)
		if err != nil {
			return spec, err
		}
		if !votes(n) {
			return spec, fmt.Errorf("%s is no validator: nobody listens to its lies", n.Home.Name)
		}
		secret, err := keys.Load(disk.OS{}, datadir.Signer(n.Home).KeyFile, keys.Signing)
		if err != nil {
			return spec, err
		}
		return lying(spec, kind, secret), nil
	}
	return i
}

func votes(n part.Node) bool {
	_, is := n.Genesis.Validator(n.ID)
	return is
}

// lying is a subsystem of production with a liar between it and the bus.
func lying(spec subsystem.Spec, kind Kind, secret keys.Secret) subsystem.Spec {
	honest := spec.New
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		sub.Log.Warn("this process lies to its peers: a drill", "kind", kind)
		return honest(sub.Through(traits[kind].between(&liar{sub: sub, secret: secret})))
	}
	return spec
}
