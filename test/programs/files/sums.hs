-- SPDX-License-Identifier: MIT
-- | Four threads of the runtime, each with sums that need memory to be collected.
module Main (main) where

import Control.Concurrent (forkIO, newEmptyMVar, putMVar, takeMVar)
import Control.Monad (forM)

main :: IO ()
main = do
  results <- forM [1 .. 4] $ \thread -> do
    result <- newEmptyMVar
    _ <- forkIO (putMVar result $! sum (map fromIntegral [1 .. thread * 100000 :: Int]))
    return result
  sums <- mapM takeMVar results
  print (sums :: [Integer])
