package overseerv1

// HasUnknown tells whether what was decoded has fields that this version of the protocol doesn't know.
func (m *RoutedEnvelope) HasUnknown() bool { return len(m.unknownFields) > 0 }
