tell("pin.removed");
