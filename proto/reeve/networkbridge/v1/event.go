package networkbridgev1

// Messages returns the messages of an event, one or several, in order; none if the event is of another kind. With it a
// subsystem reads PeerMessage and PeerMessages in one place.
func (e *NetworkBridgeEvent) Messages() []*PeerMessage {
	switch k := e.GetKind().(type) {
	case *NetworkBridgeEvent_PeerMessage:
		return []*PeerMessage{k.PeerMessage}
	case *NetworkBridgeEvent_PeerMessages:
		return k.PeerMessages.GetMessages()
	}
	return nil
}
