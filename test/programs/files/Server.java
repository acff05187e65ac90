// SPDX-License-Identifier: MIT
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;

/** Each answer comes after the collector had 20 MB of garbage to clear away. */
public class Server {
  public static void main(String[] arguments) throws Exception {
    var server = HttpServer.create(new InetSocketAddress(80), 0);
    server.createContext("/", exchange -> {
      var blocks = new ArrayDeque<byte[]>();
      for (int count = 0; count < 2000; count++) {
        blocks.add(new byte[10_000]);
        if (blocks.size() > 100) blocks.clear();
      }
      System.gc();
      byte[] answer = ("blocks " + blocks.size() + "\n").getBytes();
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
  }
}
