package webidentity

// What tests look at.
var Reachable = reachable

const (
	FreshFor = freshFor
	KeptFor  = keptFor
	AskEvery = askEvery
)
