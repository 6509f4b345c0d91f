from llmsecrets.packed import applied as applied
from llmsecrets.packed import arrange as arrange
from llmsecrets.packed import classify as classify
from llmsecrets.packed import head as head
