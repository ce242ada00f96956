using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>The first touch raises the flag; from then on a lost life goes on here.</summary>
    [RequireComponent(typeof(BoxCollider2D), typeof(SpriteRenderer))]
    public sealed class Checkpoint : MonoBehaviour
    {
        [SerializeField] private Sprite raised;
        [SerializeField] private Vector2 respawnOffset = new Vector2(0f, 0.5f);

        private bool reached;

        private void Reset()
        {
            GetComponent<BoxCollider2D>().isTrigger = true;
        }

        private void OnTriggerEnter2D(Collider2D other)
        {
            if (reached || !other.TryGetComponent(out PlayerController2D _)) return;
            reached = true;
            if (raised != null) GetComponent<SpriteRenderer>().sprite = raised;
            GameManager.Current.SetCheckpoint((Vector2)transform.position + respawnOffset);
        }
    }
}
